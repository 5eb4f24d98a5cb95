import { classify } from '../../cache/classify.ts';
import type { Cursor } from '../../corefile/cursor.ts';
import { expectArgs, expectNoBody } from '../../corefile/values.ts';
import { RCODE_NOERROR } from '../../wire/header.ts';
import { MessageView } from '../../wire/view.ts';
import { MessageWriter } from '../../wire/writer.ts';
import { after } from '../after.ts';
import type { Block, Directive, Handler, Outcome } from '../contract.ts';

/** Syntax: `minimal` */
export function parse(cursor: Cursor): undefined {
  expectArgs(cursor, 0, 0);
  expectNoBody(cursor);
}

/** Takes from answers what is not in the answer section; denials, referrals and errors need theirs. */
function setup(_config: undefined, { process: { clock } }: Block) {
  const minimize = (outcome: Outcome): Outcome => {
    const { response, rcode } = outcome;
    if (response === undefined || rcode !== RCODE_NOERROR || response.recordCount === response.answerCount) {
      return outcome;
    }
    if (classify(response, clock.unixSeconds()) !== 'success') return outcome;
    return { ...outcome, response: answersOf(response) };
  };
  return (next: Handler): Handler =>
    (query) =>
      after(next(query), minimize);
}

let writer: MessageWriter | undefined;

/** The message with its answer section alone; the message itself if that cannot be written again. */
function answersOf(view: MessageView): MessageView {
  writer ??= new MessageWriter();
  writer.start(view.id, view.flags);
  writer.copyQuestion(view);
  for (let index = 0; index < view.answerCount; index++) if (!writer.copyRecord(view, index)) return view;
  return MessageView.trusted(writer.finish());
}

export const minimal: Directive<undefined> = { name: 'minimal', repeat: 'first', parse, setup };
