/** Texts with which trainers and chat templates end a response; the end-of-sequence token is the tokenizer's to add. */
const END_MARKERS = [
  '</s>',
  '<|endoftext|>',
  '<|end_of_text|>',
  '<|eot_id|>',
  '<|im_end|>',
  '<|end|>',
  '<|eos|>',
  '<|eod|>',
  '<eos>',
  '<end_of_turn>',
  '<|end_of_turn|>',
  '<｜end▁of▁sentence｜>',
] as const;

/** Openings of chat templates; a prompt that holds one is put into a template for the second time. */
export const TEMPLATE_TAGS = [
  '<|prompter|>',
  '<|assistant|>',
  '<|user|>',
  '<|im_start|>',
  '<|start_header_id|>',
  '<start_of_turn>',
  '[INST]',
  '### Instruction:',
] as const;

/**
 * A response without the markers at its end, and the markers, first to last.
 *
 * @param response as the row has it; nothing else is trimmed where there is no marker
 */
export function takeOffEndMarkers(response: string): { readonly text: string; readonly markers: readonly string[] } {
  const markers: string[] = [];
  let text = response;
  for (;;) {
    const trimmed = text.trimEnd();
    const marker = END_MARKERS.find((one) => trimmed.endsWith(one));
    if (marker === undefined) return { text, markers };
    markers.unshift(marker);
    text = trimmed.slice(0, -marker.length);
  }
}
