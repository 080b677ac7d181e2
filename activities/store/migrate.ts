export async function migrate(_databaseUrl: string): Promise<void> {
  throw new Error('not built yet');
}
