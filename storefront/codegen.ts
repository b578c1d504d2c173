// Writes src/gql: a type for every operation and fragment, and the manifest of trusted documents.
// `make schema` runs it; the output is committed.
import type { CodegenConfig } from '@graphql-codegen/cli';
import { addTypenameSelectionDocumentTransform } from '@graphql-codegen/client-preset';

export default {
  schema: '../schema/api.graphql',
  documents: ['src/**/*.{ts,tsx}', '!src/**/*.test.{ts,tsx}'],
  ignoreNoDocuments: true,
  generates: {
    'src/gql/': {
      preset: 'client',
      presetConfig: {
        fragmentMasking: { unmaskFunctionName: 'read' },
        persistedDocuments: { mode: 'embedHashInDocument', hashAlgorithm: 'sha256' },
      },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        strictScalars: true,
        scalars: { CurrencyCode: 'string', DateTime: 'string', EmailAddress: 'string' },
        defaultScalarType: 'unknown',
      },
      documentTransforms: [addTypenameSelectionDocumentTransform],
    },
    'src/gql/possible-types.ts': { plugins: ['fragment-matcher'] },
  },
} satisfies CodegenConfig;
