/** A list of all field names of a type: one that is missing or foreign does not compile. */
export function fieldsOf<Shape>() {
  return <const Names extends readonly (keyof Shape)[]>(
    ...names: Exclude<keyof Shape, Names[number]> extends never ? Names : never
  ): Names => names;
}
