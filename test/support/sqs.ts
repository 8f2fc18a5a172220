import { type FauxqsServer, startFauxqs } from "fauxqs";
import { createSqs } from "../../functions/webhooks/queue.ts";

/** An SQS in this process, with one queue, and a client of it as the functions have. */
export async function startSqs(queueName = "deliveries") {
  const service: FauxqsServer = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false });
  service.createQueue(queueName);
  const endpoint = `http://127.0.0.1:${service.port}`;
  const sqs = createSqs({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  const groups: unknown[] = [];
  sqs.middlewareStack.add(
    (next) => (args) => {
      const { Entries = [] } = args.input as { Entries?: { MessageGroupId?: string }[] };
      groups.push(...Entries.map(({ MessageGroupId }) => MessageGroupId));
      return next(args);
    },
    { step: "initialize" },
  );
  return {
    sqs,
    /** The groups of all that was sent by this client: fauxqs, which is not fair, forgets them. */
    groups,
    endpoint,
    queueUrl: `${endpoint}/000000000000/${queueName}`,
    /** What the queue holds, whether or not it can be had yet. */
    messages() {
      const { ready = [], delayed = [] } = service.inspectQueue(queueName)?.messages ?? {};
      return [...ready, ...delayed].map(({ body, delayUntil }) => ({
        task: JSON.parse(body) as unknown,
        isDelayed: delayUntil !== undefined,
      }));
    },
    async stop() {
      sqs.destroy();
      await service.stop();
    },
  };
}
