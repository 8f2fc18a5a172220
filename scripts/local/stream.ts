import { DescribeTableCommand, type DynamoDBClient, UpdateTableCommand } from "@aws-sdk/client-dynamodb";
import {
  type _Record,
  DescribeStreamCommand,
  DynamoDBStreamsClient,
  GetRecordsCommand,
  GetShardIteratorCommand,
} from "@aws-sdk/client-dynamodb-streams";
import type { DynamoDBRecord } from "aws-lambda";
import { STREAM_SOURCE } from "../../infra/event-sources.ts";
import { matches } from "./event-filter.ts";

/** The ARN of a table's stream of both images, which is made if there is none. */
export async function ensureStream(dynamodb: DynamoDBClient, TableName: string): Promise<string> {
  const { Table } = await dynamodb.send(new DescribeTableCommand({ TableName }));
  if (Table?.StreamSpecification?.StreamEnabled === true && Table.LatestStreamArn !== undefined) {
    return Table.LatestStreamArn;
  }
  const StreamSpecification = { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" } as const;
  const { TableDescription } = await dynamodb.send(
    new UpdateTableCommand({ TableName, StreamSpecification }),
  );
  return TableDescription?.LatestStreamArn ?? ensureStream(dynamodb, TableName);
}

/** A record as Lambda hands it over: of the two ways in which it is spelled, only the time differs. */
function toLambdaRecord(record: _Record): DynamoDBRecord {
  const createdAtMs = record.dynamodb?.ApproximateCreationDateTime?.getTime() ?? 0;
  const dynamodb = { ...record.dynamodb, ApproximateCreationDateTime: createdAtMs / 1000 };
  return { ...record, dynamodb } as DynamoDBRecord;
}

/** Where a reader is: the last sequence number that it is done with, by shard. */
export type Position = Readonly<Record<string, string>>;

/** What a batch came to: the first sequence number that must be read again, if any. */
type Handle = (records: DynamoDBRecord[]) => Promise<string | undefined>;

/**
 * Reads a stream as Lambda's event source does: from its beginning, filtered, in order, each batch until it is done with.
 * Not as there: one shard after another.
 */
export function createStreamReader({
  endpoint,
  streamArn,
  position = {},
}: {
  endpoint: string;
  streamArn: string;
  position?: Position;
}) {
  const streams = new DynamoDBStreamsClient({
    endpoint,
    region: process.env.AWS_REGION ?? "local",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  const done = new Map(Object.entries(position));
  const iterators = new Map<string, string>();

  async function iteratorOf(ShardId: string): Promise<string | undefined> {
    const known = iterators.get(ShardId);
    if (known !== undefined) return known;
    const SequenceNumber = done.get(ShardId);
    const { ShardIterator } = await streams.send(
      new GetShardIteratorCommand({
        StreamArn: streamArn,
        ShardId,
        ...(SequenceNumber === undefined
          ? { ShardIteratorType: STREAM_SOURCE.startingPosition }
          : { ShardIteratorType: "AFTER_SEQUENCE_NUMBER", SequenceNumber }),
      }),
    );
    return ShardIterator;
  }

  async function shards(): Promise<string[]> {
    const { StreamDescription } = await streams.send(new DescribeStreamCommand({ StreamArn: streamArn }));
    return (StreamDescription?.Shards ?? []).map(({ ShardId = "" }) => ShardId);
  }

  async function readShard(shardId: string, handle: Handle): Promise<boolean> {
    const ShardIterator = await iteratorOf(shardId);
    if (ShardIterator === undefined) return false;
    iterators.delete(shardId);
    const { Records = [], NextShardIterator } = await streams.send(
      new GetRecordsCommand({ ShardIterator, Limit: STREAM_SOURCE.batchSize }),
    );
    const records = Records.map(toLambdaRecord);
    const wanted = records.filter((record) =>
      STREAM_SOURCE.filters.some((filter) => matches(filter, record)),
    );
    const again = wanted.length === 0 ? undefined : await handle(wanted);
    const numbers = records.map(({ dynamodb }) => dynamodb?.SequenceNumber ?? "");
    const upTo = again === undefined ? numbers.length : numbers.indexOf(again);
    const last = numbers[upTo - 1];
    if (last !== undefined) done.set(shardId, last);
    if (again === undefined && NextShardIterator !== undefined) iterators.set(shardId, NextShardIterator);
    return records.length > 0;
  }

  return {
    /** Handles what there is. @returns whether there was anything */
    async read(handle: Handle): Promise<boolean> {
      let any = false;
      for (const shardId of await shards()) any = (await readShard(shardId, handle)) || any;
      return any;
    },
    position: (): Position => Object.fromEntries(done),
    stop: () => streams.destroy(),
  };
}
