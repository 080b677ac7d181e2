export function Bots(_: { path: string[] }) {
  return <h1>Bots</h1>;
}
