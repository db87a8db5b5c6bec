/**
 * The problem with the name of a method; undefined if there is none.
 *
 * @param folder - where its students go
 * @param other - a method before this one whose students go to the same folder
 */
export function problemWithName(method: string, folder: string, other: string | undefined): string | undefined {
  if (folder === '') return 'give it a name with a letter or a digit';
  if (other === undefined) return undefined;
  if (other === method) return `two methods are called \`${method}\``;
  return `\`${method}\` would be saved in the folder of \`${other}\`; give it another name`;
}
