/** Files that the bundle holds as texts. */
declare module '*.py' {
  const text: string;
  export default text;
}
