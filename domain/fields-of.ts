/** Lists all field names of a type; a missing or unknown name is a compile error. */
export function fieldsOf<Shape>() {
  return <const Names extends readonly (keyof Shape)[]>(
    ...names: Exclude<keyof Shape, Names[number]> extends never ? Names : never
  ): Names => names;
}
