export { configJson } from './files/config-json.js';
export { connector, llama, lora, queries, vision } from './model/config.js';
export { schedulerJson, unetJson, vaeJson } from './model/decoder.js';
export { weightsFolder } from './weights.js';
