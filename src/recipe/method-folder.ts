/** Name of the folder of a method's students: the method's name with hyphens for what a folder's name should not hold. */
export function methodFolder(method: string): string {
  return method.replace(/[^\p{L}\p{N}_.=-]+/gu, '-').replace(/^[.-]+|-+$/g, '');
}
