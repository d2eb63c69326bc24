import { Controller, Get, Res } from '@nestjs/common';
import { ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import type { HealthCheckResult } from '@nestjs/terminus';
import type { FastifyReply } from 'fastify';
import { Health, type HealthReport } from './health.js';

/** For balancers and supervisors: no token needed, and nothing told that a stranger may not know. */
@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(private readonly health: Health) {}

  @Get('live')
  @ApiOperation({ summary: 'Whether the process lives' })
  @ApiResponse({ status: 200, description: 'It does' })
  live(@Res({ passthrough: true }) reply: FastifyReply): HealthCheckResult {
    return answer(reply, this.health.live());
  }

  @Get('ready')
  @ApiOperation({ summary: 'Whether database, broker, realtime and worker do their work' })
  @ApiResponse({ status: 200, description: 'They do' })
  @ApiResponse({ status: 503, description: 'The parts that do not are named under `error`' })
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthCheckResult> {
    return answer(reply, await this.health.ready());
  }
}

function answer(reply: FastifyReply, { status, body }: HealthReport): HealthCheckResult {
  void reply.code(status).header('cache-control', 'no-store');
  return body;
}
