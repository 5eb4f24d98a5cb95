/** Why a text is no record; the message is one line, without place. */
export class PresentationError extends Error {
  override readonly name = 'PresentationError';

  constructor(message: string) {
    // It may repeat what was written, line breaks in quotes included.
    super(message.replace(/[\r\n]+/g, ' '));
  }
}
