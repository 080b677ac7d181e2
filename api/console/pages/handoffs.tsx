export function Handoffs(_: { path: string[] }) {
  return <h1>Handoffs</h1>;
}
