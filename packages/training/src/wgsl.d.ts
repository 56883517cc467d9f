/** A shader's text, untouched. */
declare module '*.wgsl' {
  const text: string;
  export default text;
}
