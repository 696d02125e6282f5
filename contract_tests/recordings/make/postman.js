// Builds the collection with Postman's SDK, runs it with Newman, and saves the answers as examples.
// Arguments: the calls as JSON, and the folder to write to.
require("./redirect.js");
const fs = require("fs");
const path = require("path");
const load = (name) => require(require.resolve(name, { paths: [process.env.CORPUS_NODE_MODULES] }));
const newman = load("newman");
const sdk = load("postman-collection");
const transformer = load("postman-collection-transformer");

const [, , callsFile, folder] = process.argv;
const calls = JSON.parse(fs.readFileSync(callsFile, "utf-8"));
const header = (call) => Object.entries(call.headers).map(([key, value]) => ({ key, value }));
const items = calls.map((call, index) => ({
  name: `Query ${index + 1}`,
  request: {
    method: "POST",
    url: { raw: `{{baseUrl}}${call.path}`, host: ["{{baseUrl}}"], path: call.path.slice(1).split("/") },
    header: header(call),
    body: { mode: "raw", raw: call.body, options: { raw: { language: "json" } } },
  },
}));
const collection = new sdk.Collection({
  info: { name: "Synthetic token queries" },
  item: [
    { name: "Customers", item: [{ name: "Known", item: items.slice(0, 7) }] },
    ...items.slice(7),
  ],
  variable: [{ key: "baseUrl", value: process.env.CORPUS_URL }],
});

const write = (name, text) => fs.writeFileSync(path.join(folder, name), text);
const saved = (error, summary) => {
  if (error) throw error;
  for (const execution of summary.run.executions) {
    const item = collection.oneDeep(execution.item.id);
    const answer = execution.response;
    item.responses.add({
      name: `Answer ${answer.code}`,
      originalRequest: item.request.toJSON(),
      status: answer.status,
      code: answer.code,
      _postman_previewlanguage: "json",
      header: answer.headers.toJSON(),
      cookie: [],
      body: answer.text(),
    });
  }
  const v21 = collection.toJSON();
  v21.info.schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";
  write("postman-2.1.json", JSON.stringify(v21, null, "\t"));
  if (process.env.CORPUS_MODE !== "clean") return;
  const step = (from, to, value, then) =>
    transformer.convert(value, { inputVersion: from, outputVersion: to, retainIds: true }, (failure, made) => {
      if (failure) throw failure;
      then(made);
    });
  step("2.1.0", "1.0.0", v21, (v1) =>
    step("1.0.0", "2.0.0", v1, (v20) => write("postman-2.0.json", JSON.stringify(v20, null, "\t"))),
  );
};

newman.run(
  {
    collection,
    insecure: true,
    reporters: ["json"],
    reporter: { json: { export: path.join(folder, "newman.json") } },
  },
  saved,
);
