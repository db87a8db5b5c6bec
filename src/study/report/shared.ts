import type {Results} from '../results.ts';
import {type Html, html} from './html.ts';
import {methodHeading, table, wordsHeading} from './table.ts';

/** The knowledge of each method, beside its colour. */
export function methodsTable({methods}: Pick<Results, 'methods'>): Html {
  const rows = methods.map(
    (method, index) => html`<tr>${methodHeading(method, index)}<td class="words wide">${method.description}</td></tr>`,
  );
  return table('The methods', [wordsHeading('method'), wordsHeading('learned from')], rows);
}

/** Says how speed was measured, above its table. */
export function efficiencyContent(table: Html): Html {
  return html`<p>Students, and teachers in the process of the study, were measured there after the training: one by one about test inputs, then in batches. The latency of a service is that of the requests of this run, as they were seen here. All times are those of one machine. Money is the price of 1,000 answers of which none is kept.</p>
${table}`;
}
