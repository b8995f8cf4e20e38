// Says to a server what the test beside it asks for, by the JavaScript SDK, and prints what it heard as JSON.
import {
  DataZoneClient,
  DeleteTimeSeriesDataPointsCommand,
  GetTimeSeriesDataPointCommand,
  ListTimeSeriesDataPointsCommand,
  PostTimeSeriesDataPointsCommand,
  paginateListTimeSeriesDataPoints,
} from "@aws-sdk/client-datazone";

const [endpoint, domainIdentifier, typeIdentifier, content] = process.argv.slice(2);
const client = new DataZoneClient({ endpoint, region: "us-east-1" });
const at = { domainIdentifier, entityIdentifier: "javascript", entityType: "ASSET" };
const formName = "my form/é+&%41";
const when = new Date("2024-01-02T03:04:05.678Z");
const heard = {};

const form = (milliseconds, more) => ({
  formName,
  typeIdentifier,
  timestamp: new Date(when.getTime() + milliseconds),
  ...more,
});

const post = await client.send(
  new PostTimeSeriesDataPointsCommand({
    ...at,
    forms: [form(0, { typeRevision: "8", content }), form(1), form(2), form(-when.getTime() - 1500), form(4, { content: "\ud800" })],
  }),
);
heard.status = post.$metadata.httpStatusCode;
heard.requestId = post.$metadata.requestId;
heard.attempts = post.$metadata.attempts;
heard.forms = post.forms;
heard.dates = post.forms.every((posted) => posted.timestamp instanceof Date);
heard.lone = post.forms[4].content === "\ud800";

const list = await client.send(
  new ListTimeSeriesDataPointsCommand({ ...at, formName, startedAt: when, endedAt: new Date(when.getTime() + 2) }),
);
heard.listed = list.items.map((item) => [item.timestamp.toISOString(), item.contentSummary ?? null]);

heard.pages = [];
for await (const page of paginateListTimeSeriesDataPoints({ client, pageSize: 2 }, { ...at, formName })) {
  heard.pages.push(page.items.map((item) => item.id));
}

const get = await client.send(
  new GetTimeSeriesDataPointCommand({ ...at, formName, identifier: post.forms[0].id }),
);
heard.got = get.form;

const deleted = await client.send(new DeleteTimeSeriesDataPointsCommand({ ...at, formName }));
heard.deleted = deleted.$metadata.httpStatusCode;

heard.errors = [];
for (const command of [
  new GetTimeSeriesDataPointCommand({ ...at, formName, identifier: post.forms[0].id }),
  new ListTimeSeriesDataPointsCommand({ ...at, entityType: "OTHER", formName, maxResults: 51 }),
]) {
  try {
    await client.send(command);
  } catch (error) {
    heard.errors.push([error.name, error.$metadata.httpStatusCode, error.message]);
  }
}

console.log(JSON.stringify(heard));
