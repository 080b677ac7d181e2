import pg from 'pg';

/** One statement on a connection of its own. */
export async function sql<T extends object>(url: string, statement: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<T & pg.QueryResultRow>(statement)).rows;
  } finally {
    await client.end();
  }
}

/** A database of its own on the same server. */
export async function createDatabase(server: string, name: string): Promise<string> {
  await sql(server, `create database ${name} template template0`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/** What a database has on disk. */
export async function databaseBytes(url: string): Promise<number> {
  const [row] = await sql<{ bytes: string }>(url, 'select pg_database_size(current_database()) as bytes');
  return Number(row!.bytes);
}
