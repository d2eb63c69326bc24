import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { GrpcDoor } from './grpc/grpc-door.js';
import { Health } from './metrics/health.js';

/** Whoever asks for its health by gRPC is told what was found so long ago at most. */
const LOOK_EVERY_MS = 2000;

/**
 * Opens the gRPC door of an application that is initialised.
 * @returns what to call once every door is open: from then on its health is told
 * @throws Error where its port cannot be had
 */
export async function openGrpc(app: NestFastifyApplication): Promise<() => void> {
  const door = app.get(GrpcDoor, { strict: false });
  app.connectMicroservice({ strategy: door });
  await app.startAllMicroservices();
  return () => followHealth(door, app.get(Health, { strict: false }));
}

function followHealth(door: GrpcDoor, health: Health): void {
  const look = async (): Promise<void> => {
    const isReady = await health.ready().then(
      ({ status }) => status === 200,
      () => false,
    );
    door.isServing(isReady);
  };
  void look();
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);
  timer.unref();
  door.closes.addEventListener('abort', () => clearInterval(timer), { once: true });
}
