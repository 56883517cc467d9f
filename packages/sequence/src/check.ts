import { emuTokens, type Sequence } from '@emu-ts/contracts';
import { hasRoles } from './elements.js';

export interface PromptWarning {
  readonly code: 'INSTRUCT_TEMPLATE_ON_BASE' | 'NO_TEMPLATE_ON_INSTRUCT' | 'IMAGE_GENERATION_ON_INSTRUCT';
  readonly message: string;
}

/**
 * What is wrong with giving a prompt to a model; empty when nothing is. The pretrained model (`base`) knows no roles,
 * and the instruction-tuned one was trained on nothing else and not to generate images.
 *
 * @param prompt a sequence, or the prompt string.
 */
export function checkPrompt(prompt: Sequence<unknown> | string, model: 'base' | 'instruct'): PromptWarning[] {
  const sequence = typeof prompt === 'string' ? [{ type: 'text' as const, text: prompt }] : prompt;
  const written = sequence.map((element) => (element.type === 'text' ? element.text : '')).join('\n');
  const templated =
    hasRoles(sequence) || [emuTokens.user, emuTokens.assistant].some((t) => written.includes(t));
  const generates = sequence.at(-1)?.type === 'generate';
  const warnings: PromptWarning[] = [];
  if (model === 'base' && templated) {
    warnings.push({
      code: 'INSTRUCT_TEMPLATE_ON_BASE',
      message:
        'The prompt uses [USER] and [ASSISTANT], which the pretrained model has never seen. Give it plain text and images, or load the instruction-tuned checkpoint.',
    });
  }
  if (model === 'instruct' && !templated) {
    warnings.push({
      code: 'NO_TEMPLATE_ON_INSTRUCT',
      message:
        'The prompt has no [USER] and [ASSISTANT], which the instruction-tuned model expects. Build it with chat(), or load the pretrained checkpoint.',
    });
  }
  if (model === 'instruct' && generates) {
    warnings.push({
      code: 'IMAGE_GENERATION_ON_INSTRUCT',
      message:
        'The prompt asks for an image, which the instruction-tuned model was not trained to generate. Load the pretrained checkpoint.',
    });
  }
  return warnings;
}
