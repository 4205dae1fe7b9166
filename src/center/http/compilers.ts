/**
 * Schemas are compiled at the first request that needs them: a hundred routes have some hundreds, which would take longer than all else at a start. Dependencies of
 * Fastify that are named here, so that it compiles what it always does, only later.
 */
import { AjvCompiler, type BuildCompilerFromPool } from "@fastify/ajv-compiler";
import { SerializerSelector, type Serializer, type SerializerFactory } from "@fastify/fast-json-stringify-compiler";

type Validator = ReturnType<ReturnType<BuildCompilerFromPool>>;

export function buildValidator(): BuildCompilerFromPool {
  const build = AjvCompiler();
  return (schemas, options) => {
    const compile = build(schemas, options);
    return (definition) => {
      let compiled: Validator | undefined;
      const validate = ((data: unknown) => {
        compiled ??= compile(definition);
        const valid = compiled(data);
        validate.errors = compiled.errors;
        return valid;
      }) as Validator;
      return validate;
    };
  };
}

export function buildSerializer(): SerializerFactory {
  const build = SerializerSelector();
  return (schemas, options) => {
    const compile = build(schemas, options);
    return (definition) => {
      let compiled: Serializer | undefined;
      return (document) => (compiled ??= compile(definition))(document);
    };
  };
}
