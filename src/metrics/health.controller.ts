import { Controller, Get, Res } from '@nestjs/common';
import type { HealthCheckResult } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { Health, type HealthReport } from './health.js';

/** For balancers and supervisors: no token needed, and nothing told that a stranger may not know. */
@Controller('health')
export class HealthController {
  constructor(private readonly health: Health) {}

  @Get('live')
  live(@Res({ passthrough: true }) reply: FastifyReply): HealthCheckResult {
    return answer(reply, this.health.live());
  }

  @Get('ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthCheckResult> {
    return answer(reply, await this.health.ready());
  }
}

function answer(reply: FastifyReply, { status, body }: HealthReport): HealthCheckResult {
  void reply.code(status).header('cache-control', 'no-store');
  return body;
}
