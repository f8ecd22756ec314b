/**
 * Whether an event fits its kind's schema (Standard Schema: zod, valibot, arktype and others).
 * A step is synchronous, so a schema that answers with a promise is itself the problem.
 */
import type { Schema } from '#protocol/actor.ts'
import type { AnyEvent } from '#protocol/envelope.ts'
import type { Blueprint } from './blueprint.ts'

export function problemsOf(blueprint: Pick<Blueprint, 'options'>, event: AnyEvent): string | undefined {
  const { schema } = blueprint.options
  if (schema === undefined) return undefined
  const one = isSchema(schema) ? schema : schema[event.type]
  if (one === undefined) return undefined
  const result = one['~standard'].validate(event)
  if (result instanceof Promise) return 'its schema answers asynchronously; use a synchronous one'
  if (result.issues === undefined) return undefined
  return result.issues.map((issue) => `${pathOf(issue.path)}${issue.message}`).join('; ')
}

function isSchema(schema: Schema | Readonly<Record<string, Schema>>): schema is Schema {
  return '~standard' in schema
}

function pathOf(path: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined): string {
  if (path === undefined || path.length === 0) return ''
  return `${path.map((part) => String(typeof part === 'object' ? part.key : part)).join('.')}: `
}
