import type {FileHandle} from 'node:fs/promises';
import type {Knowledge} from '../knowledge/knowledge.ts';
import {packageVersion} from '../version.ts';
import type {RecordForm} from './forms.ts';
import type {LabelledText} from './records.ts';

/** Rows that are held in memory, and stand together in the file. */
const ROW_GROUP = 1000;

/** Writes a table, a group of rows after the other. Its metadata say who the teacher is and what its classes are. */
export async function writeParquet(
  file: FileHandle,
  records: AsyncIterable<LabelledText>,
  {columns, row}: RecordForm,
  {source, classes}: Pick<Knowledge, 'source' | 'classes'>,
): Promise<void> {
  const {ByteWriter, parquetWriteRows} = await import('hyparquet-writer');
  const writer = new (class extends ByteWriter {
    async flush(): Promise<void> {
      await file.writeFile(this.getBytes());
      this.index = 0;
    }
  })();
  const rows = async function* (): AsyncGenerator<Record<string, unknown>> {
    for await (const record of records) yield row(record);
  };
  await parquetWriteRows({
    writer,
    rows: rows(),
    columns: columns.map(({name}) => ({name})),
    schema: [{name: 'root', num_children: columns.length}, ...columns.flatMap(({schema}) => schema)],
    rowGroupSize: ROW_GROUP,
    kvMetadata: [
      {key: 'limbeck.source', value: JSON.stringify(source)},
      {key: 'limbeck.classes', value: JSON.stringify(classes)},
    ],
    createdBy: `limbeck version ${packageVersion()}`,
  });
  await writer.flush();
}
