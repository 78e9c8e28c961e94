/**
 * The reference gateway: NestJS with socket.io, namespace `/ws`, every event to every client.
 * It emits what the benchmark asks for; `../servers/control.py` describes how it is asked.
 */
import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { OnGatewayConnection, OnGatewayDisconnect, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { Server } from 'socket.io';

@WebSocketGateway({ namespace: '/ws', cors: { origin: '*' } })
class ScanProgressGateway implements OnGatewayConnection, OnGatewayDisconnect {
  @WebSocketServer()
  private readonly server!: Server;

  handleConnection(): void {}

  handleDisconnect(): void {}

  emitScanProgress(scanId: string, progress: number, status: string, message?: string): void {
    const timestamp = new Date().toISOString();
    this.server.emit(`scan:${scanId}:progress`, { scanId, progress, status, message, timestamp });
  }
}

@Module({ providers: [ScanProgressGateway] })
class AppModule {}

const now = (): number => Number(process.hrtime.bigint() / 1000n);

async function series(gateway: ScanProgressGateway, scans: string[], request: number[]): Promise<void> {
  const [count, intervalUs, delayUs] = request;
  const begun = now() + delayUs;
  for (let number = 0; number < count; number++) {
    const waitUs = begun + number * intervalUs - now();
    await (intervalUs && waitUs > 0 ? setTimeout(waitUs / 1000) : setImmediate());
    const mark = number === count - 1 ? '!' : '';
    for (const scan of scans) {
      gateway.emitScanProgress(scan, number % 100, 'fetch', `@${process.hrtime.bigint()}${mark}`);
    }
  }
}

async function main(): Promise<void> {
  const app = await NestFactory.create(AppModule, { logger: ['error'] });
  await app.listen(0, '127.0.0.1');
  console.log(`Ready at ${await app.getUrl()}`);
  const scans = readFileSync(process.env.BENCH_SCANS!, 'utf8').trim().split(/\s+/);
  const control = connect(Number(process.env.BENCH_CONTROL), '127.0.0.1', () => control.write('*\n'));
  control.on('error', () => process.exit(0));
  const gateway = app.get(ScanProgressGateway);
  for await (const line of createInterface({ input: control })) {
    await series(gateway, scans, line.split(' ').slice(1).map(Number));
    control.write('done\n');
  }
  process.exit(0);
}

void main();
