/** Why a text is no record; the message is one line, without place. */
export class PresentationError extends Error {
  override readonly name = 'PresentationError';
}
