import { MessageView, SECTION_ADDITIONAL, SECTION_ANSWER, SECTION_AUTHORITY, type Section } from '../../wire/view.ts';
import { MessageWriter } from '../../wire/writer.ts';

/** The records of one section, given by their indices in the message, in the order in which they shall stand. */
export type Arrange = (view: MessageView, section: Section, records: readonly number[]) => readonly number[];

/**
 * The message with the records of each section in the order that `arrange` gives them, as a copy. It is the message
 * itself if they stand so already, or if it cannot be written again.
 */
export function reorder(view: MessageView, arrange: Arrange): MessageView {
  const { headerAnswerCount, headerAuthorityCount, headerAdditionalCount } = view;
  // Most answers have one record. Asked this way, the records of a hit need not even be looked for.
  if (headerAnswerCount < 2 && headerAuthorityCount < 2 && headerAdditionalCount < 2) return view;
  if (view.malformed) return view;
  const order: number[] = [];
  const add = (section: Section, count: number) => {
    const records: number[] = [];
    for (let i = 0; i < count; i++) records.push(order.length + i);
    for (const index of count < 2 ? records : arrange(view, section, records)) order.push(index);
  };
  add(SECTION_ANSWER, view.answerCount);
  add(SECTION_AUTHORITY, view.authorityCount);
  add(SECTION_ADDITIONAL, view.additionalCount);
  return order.every((index, place) => index === place) ? view : rewrite(view, order);
}

let writer: MessageWriter | undefined;

/**
 * Record by record: bytes cannot simply change places, since the owner that is spelled out in one record may be what
 * others point to.
 */
function rewrite(view: MessageView, order: readonly number[]): MessageView {
  writer ??= new MessageWriter();
  writer.start(view.id, view.flags);
  writer.copyQuestion(view);
  for (const index of order) if (!writer.copyRecord(view, index)) return view;
  const bytes = writer.finish();
  return view.isOurs ? MessageView.trusted(bytes) : MessageView.parse(bytes);
}
