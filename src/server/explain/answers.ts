import { formatRecord } from '../../wire/presentation.ts';
import { readRecord } from '../../wire/record.ts';
import type { MessageView } from '../../wire/view.ts';

/** The records of the answer section: `www.example.org. 300 IN A 192.0.2.1`. */
export function answersOf(message: MessageView): string[] {
  return Array.from({ length: message.answerCount }, (_, index) => {
    const record = readRecord(message, index);
    return record === undefined ? 'a record that is malformed' : formatRecord(record).replaceAll('\t', ' ');
  });
}
