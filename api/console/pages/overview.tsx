export function Overview(_: { path: string[] }) {
  return <h1>Overview</h1>;
}
