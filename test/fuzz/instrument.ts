// Marks every branch and comparison of a source file, so that the fuzzer sees where an input led.
import ts from 'typescript'

/** Names on `globalThis` that the marked code uses. */
export const hitsName = '__fuzzHits'
export const compareName = '__fuzzCompare'

export interface Numbering {
  nextBranch: number
  nextComparison: number
}

export interface Marked {
  readonly code: string
  /** Literals of the source: what the code compares its input with. */
  readonly literals: readonly (string | number)[]
}

const { factory, SyntaxKind } = ts

const comparisons = new Map<ts.SyntaxKind, string>([
  [SyntaxKind.EqualsEqualsEqualsToken, 'equal'],
  [SyntaxKind.ExclamationEqualsEqualsToken, 'different'],
  [SyntaxKind.LessThanToken, 'less'],
  [SyntaxKind.GreaterThanToken, 'greater'],
  [SyntaxKind.LessThanEqualsToken, 'atMost'],
  [SyntaxKind.GreaterThanEqualsToken, 'atLeast'],
])
const shortCircuits = new Set<ts.SyntaxKind>([
  SyntaxKind.AmpersandAmpersandToken,
  SyntaxKind.BarBarToken,
  SyntaxKind.QuestionQuestionToken,
])

/** Strips the types as Node does, and marks what is left. */
export function instrument(source: string, fileName: string, numbering: Numbering): Marked {
  const literals: (string | number)[] = []
  const { outputText } = ts.transpileModule(source, {
    fileName,
    compilerOptions: {
      target: ts.ScriptTarget.ESNext,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
    transformers: { before: [marker(numbering, literals)] },
  })
  return { code: outputText, literals }
}

function marker(
  numbering: Numbering,
  literals: (string | number)[],
): ts.TransformerFactory<ts.SourceFile> {
  const hit = (): ts.Expression =>
    factory.createPostfixIncrement(
      factory.createElementAccessExpression(
        factory.createIdentifier(hitsName),
        numbering.nextBranch++,
      ),
    )
  const marked = (expression: ts.Expression): ts.Expression =>
    factory.createParenthesizedExpression(factory.createComma(hit(), expression))
  const statements = (list: readonly ts.Statement[]): ts.Statement[] => [
    factory.createExpressionStatement(hit()),
    ...list,
  ]
  const asBlock = (statement: ts.Statement): ts.Block =>
    ts.isBlock(statement) ? statement : factory.createBlock(statements([statement]))

  return (context) => {
    const visit = (node: ts.Node): ts.Node => {
      if (ts.isImportDeclaration(node) || ts.isTypeNode(node)) return node
      if (ts.isStringLiteral(node)) literals.push(node.text)
      if (ts.isNumericLiteral(node)) literals.push(Number(node.text))
      const inner = ts.visitEachChild(node, visit, context)
      if (ts.isBlock(inner)) return factory.updateBlock(inner, statements(inner.statements))
      if (ts.isIfStatement(inner)) {
        return factory.updateIfStatement(
          inner,
          inner.expression,
          asBlock(inner.thenStatement),
          inner.elseStatement === undefined ? undefined : asBlock(inner.elseStatement),
        )
      }
      if (ts.isCaseClause(inner)) {
        return factory.updateCaseClause(inner, inner.expression, statements(inner.statements))
      }
      if (ts.isDefaultClause(inner)) {
        return factory.updateDefaultClause(inner, statements(inner.statements))
      }
      if (ts.isConditionalExpression(inner)) {
        return factory.updateConditionalExpression(
          inner,
          inner.condition,
          inner.questionToken,
          marked(inner.whenTrue),
          inner.colonToken,
          marked(inner.whenFalse),
        )
      }
      return ts.isBinaryExpression(inner) ? markOperator(inner) : inner
    }
    const markOperator = (node: ts.BinaryExpression): ts.Expression => {
      const { left, operatorToken, right } = node
      if (shortCircuits.has(operatorToken.kind)) {
        return factory.updateBinaryExpression(node, left, operatorToken, marked(right))
      }
      const comparison = comparisons.get(operatorToken.kind)
      if (comparison === undefined || isAboutTypes(left) || isAboutTypes(right)) return node
      return factory.createCallExpression(
        factory.createPropertyAccessExpression(factory.createIdentifier(compareName), comparison),
        undefined,
        [factory.createNumericLiteral(numbering.nextComparison++), left, right],
      )
    }
    return (file) => ts.visitEachChild(file, visit, context)
  }
}

/** Whether a thing is there, and of which type, says nothing about how near an input is. */
function isAboutTypes(node: ts.Expression): boolean {
  return (
    ts.isTypeOfExpression(node) ||
    node.kind === SyntaxKind.NullKeyword ||
    (ts.isIdentifier(node) && node.text === 'undefined')
  )
}
