/** The one door: what notebooks and other programs use of the workbook, in the order of the street (lib/README.md). Files of lib/ are not imported by their paths. */

// Settings: the paper's hyper-parameters, the seeded generator.
export {
  ALL_LINEAR,
  controlledPair,
  LEARNING_RATE_GRID,
  type LoraConfig,
  type Method,
  PAPER_FULL,
  PAPER_LORA,
  type TrainConfig,
} from './config';
export { createRandom, type Random, restoreRandom } from './random';

// What the paper says: its tables, their arithmetic.
export { auditPaper, type PaperAudit } from './paper/audit/audit';
export { type AuditCheck, countsPrintedAs, type Verdict } from './paper/audit/check';
export type { ClaimedAverage, ClaimedDifference } from './paper/audit/claims';
export type { Observation } from './paper/audit/observations';
export type { RemovedItems } from './paper/audit/removal';
export { PAPER_TABLES, type PaperTables } from './paper/audit/tables';
export { SUBSETS, type SubsetKey, subsetOf, TOTALS } from './paper/table-a1';
export { LORA_MILLIONS, paperRow, TABLE_1, TABLE_A2, TABLE_A3 } from './paper/tables';

// Statistics: what a difference between two models on the same items is worth.
export { type Alternative, binomialTest } from './statistics/binomial';
export {
  type DifferenceInDifferences,
  differenceInDifferences,
  type FlaggedPair,
} from './statistics/difference-in-differences';
export { fisherExact } from './statistics/fisher-exact';
export { holm } from './statistics/holm';
export { mcNemarExact } from './statistics/mc-nemar';
export { type BootstrapResult, pairedBootstrap } from './statistics/paired-bootstrap';
export { type Estimate, type Pair, type PairedDifference, pairedDifference } from './statistics/paired-difference';
export {
  detectableDifference,
  detectablePaired,
  detectableUnpaired,
  type PowerOptions,
} from './statistics/power';
export { type Proportion, proportion, wilsonFromShare, wilsonInterval } from './statistics/proportion';
export { type SeedComparison, type SeedComparisonOptions, seedComparison } from './statistics/seed-comparison';
export { type SeedScores, type SeedSpread, type SeedVariance, seedVariance } from './statistics/seed-variance';
export { type Reported, type UnpairedDifference, unpairedDifference } from './statistics/two-proportions';

// Engine: a function in tf.* ops becomes a program for a device; state stays there from run to run.
export * as tf from './engine/tf';
export { compile, type Program, type ProgramSpec, type Step, type Tensors } from './engine/compile';
export { type Device, type DeviceName, openDevice } from './engine/device';
export { type WithGradient, withGradient } from './engine/gradient';
export { createState, type DeviceState } from './engine/state';
export { float32, type HostTensor, type HostTensors, int32, type Specs, type TensorSpec } from './engine/tensors';

// Data: rows, the paper's mixture, the prompt, tokens, packed chunks.
export { type DevelopmentSplit, splitDevelopment } from './data/development';
export {
  type Dataset,
  type EvalItem,
  type EvalSet,
  loadDataset,
  loadEvalItems,
  loadTrainExamples,
  type TrainExample,
  type TrainSet,
} from './data/examples';
export { type Mixture, type MixtureReport, type MixtureRow, mixByPaper, mixRows } from './data/mixture';
export { type MixtureShares, mixtureShares, type Shares } from './data/mixture-shares';
export { withoutMask } from './data/packing/chunks';
export { type PackingCost, packingCost } from './data/packing/costs';
export { type Chunk, type Packed, type Packing, type PackingReport, packSamples } from './data/packing/packing';
export { IGNORED, type Sample, type TokenizedSamples, tokenizeExamples } from './data/samples';
export { mapSource } from './data/sources/names';
export { DEFAULT_SYSTEM_PROMPT, promptParts, renderPrompt, renderResponse } from './data/template';
export { type TokenRole, type TokenView, tokenXray } from './data/token-xray';
export { loadTokenizer, type Tokenizer } from './data/tokenizer';
export { assertFits } from './data/tokenizer-fits';

// Model: Hugging Face folders, LoRA as PEFT does it, generation.
export { openAdapterFolder, saveAdapterFolder } from './model/adapter-folder';
export { type ModelFolder, openModelFolder, saveModelFolder } from './model/folder';
export { createGenerator, type GenerateOptions, type Generator } from './model/generate';
export { createModelFolder } from './model/initialize';
export { type LlamaConfig, linearShapes, weightShapes } from './model/llama';
export { LLAMA_2, type Llama2Size } from './model/llama-2';
export { loraParameterCount, loraScaling, loraShapes, mergeLora } from './model/lora';
export { readSafetensorsHeader, readTensor, type StoredTensor, writeSafetensors } from './model/safetensors';
export { type ChooseToken, type Sampling, sampler } from './model/sampling';
export { type TunedModel, trainableCount, tunedModel } from './model/tuned';

// Training: the loop with its schedule, log and checkpoints.
export {
  type BatchGradient,
  combineGradients,
  type GradientProbe,
  gradientCosine,
  gradientDifference,
  gradientNorm,
  openGradientProbe,
} from './train/batch-gradient';
export type { BatchLoss, BatchPass } from './train/batch-loss';
export { type BatchPlan, planBatches } from './train/batches';
export { type ChunkLoss, lossOf } from './train/chunk-loss';
export type { StepRecord } from './train/log';
export { planPaperRuns } from './plan/paper-runs';
export { type Plan, type PlanRequest, planTraining } from './plan/plan';
export { planTable, TIME_NOTE } from './plan/text';
export { TOKENS_NOTE } from './plan/tokens';
export { countParameters, type ParameterCount, type TrainingMemory, trainingMemory } from './train/memory';
export { learningRateAt } from './train/schedule';
export { type TrainOptions, type TrainResult, train } from './train/train';

// Evaluation: zero-shot multiple choice as lm-evaluation-harness scores it.
export type { BosPolicy } from './eval/encode-request';
export { type GroupName, type GroupResult, groupResults } from './eval/groups';
export { type ReadResults, type ReadTask, readHarnessResults } from './eval/harness-results';
export { type HarnessSample, harnessSample, type ReadSample, readHarnessSamples } from './eval/harness-samples';
export type { TokenScorer } from './eval/loglikelihood';
export { chanceLevel, majorityBaseline } from './eval/metrics';
export { splitOverlong } from './eval/overlong';
export { itemsToJsonl, tasksToCsv } from './eval/records';
export { type LoglikelihoodRequest, requestHash, requestsOf } from './eval/requests';
export { type ItemResult, type ScoreOptions, type ScoreResult, scoreItems, type TaskResult } from './eval/score';
export { type QuestionApart, type TokenScore, takeApart } from './eval/take-apart';
export { type Benchmark, TASK_VARIANTS, type TaskDefinition, type TaskVariant } from './eval/tasks/definition';
export { TASK_NAMES, TASKS, type TaskName, taskLabel, taskNamed, taskOf } from './eval/tasks/tasks';
export { createTokenScorer } from './eval/token-scorer';

// Decontamination: evaluation items near to training rows.
export {
  type Comparison,
  type DecontaminationInput,
  decontaminate,
  type ReadRows,
  PAPER_THRESHOLD,
} from './decontaminate/decontaminate';
export { type Encoder, openEncoder } from './decontaminate/encoder';
export {
  type Decontamination,
  type EncoderDescription,
  type EvidencePair,
  type FlagCount,
  type KindRecall,
  type SecondOpinion,
  type SweepRow,
  type TaskFlags,
  type TruthRow,
  type TruthScore,
  VIEWS,
  type View,
} from './decontaminate/record';
export { itemText, rowText } from './decontaminate/views';
export { type DiffPart, wordDiff } from './decontaminate/word-diff';

// Comparison: the record of a run, models against models.
export type { ChanceCheck } from './compare/chance';
export { aboutTaughtFacts, type ContaminationEffect, contaminationEffects } from './compare/contamination';
export {
  type ComparedRun,
  type CompareOptions,
  type Contrast,
  compareModels,
  type ModelComparison,
  type SliceComparison,
} from './compare/models';
export type { PooledSeeds, SeedPair } from './compare/pair';
export { readRun, type SavedRun } from './compare/read-run';
export type { ModelRecord, RunRecord, Setting, TrainingRecord } from './compare/run-record';
export { MODELS, type ModelName, type Subject } from './compare/runs';

// Report: tables, figures, the page.
export type { Figure } from './draw/figure';
export { svgToPdf } from './draw/pdf';
export { svgToPng } from './draw/png';
export { saveFigure } from './draw/save';
export { drawSvg } from './draw/svg';
export { assumptionsOf } from './report/assumptions';
export { type Exported, exportRun } from './report/export-run';
export { accuracyFigure } from './report/figures/accuracy';
export { costFigure } from './report/figures/cost';
export { type DotSeries, type DotsOptions, dotsFigure } from './report/figures/dots';
export { factGroupsFigure } from './report/figures/fact-groups';
export { figure1 } from './report/figures/figure-1';
export { figure2 } from './report/figures/figure-2';
export { gainAndLossFigure } from './report/figures/gain-and-loss';
export { type LineSeries, type LinesOptions, linesFigure } from './report/figures/lines';
export { lossFigure } from './report/figures/loss';
export { figureA1 } from './report/figures/pairs';
export { sweepFigure } from './report/figures/sweep';
export { tokenXrayFigure } from './report/figures/token-xray';
export type { ReportInputs } from './report/inputs';
export { type ReportExtras, type ReportParts, reportParts } from './report/parts';
export { type Part, SECTIONS, type Section } from './report/sections';
export type { Cell, Column, Table } from './report/table';
export { tableToCsv, tableToHtml, tableToLatex, tableToMarkdown, tableToText } from './report/table-formats';
export {
  auditSummary,
  auditTable,
  claimsTable,
  removedItemsTable,
} from './report/tables/audit';
export { contaminationEffect } from './report/tables/contamination-effect';
export { decontamination as decontaminationTable } from './report/tables/decontamination';
export { tableA2 } from './report/tables/table-a2';
export { tableA3 } from './report/tables/table-a3';
export { writeReport } from './report/write-report';

// The miniature: its facts and their groups.
export { FACT_GROUPS, type FactGroup, generateMiniature, MINIATURE_SEED, type Miniature } from './miniature/miniature';

// The whole line, as `npm run reproduce` runs it.
export { readWorld, type World } from './run/data-stage';
export { truthOf } from './run/decontamination-stage';
export { type Environment, environment } from './run/environment';
export { mixFetched } from './run/fetched-data';
export { openInputs, type RunInputs } from './run/inputs';
export { type Manifest, type ManifestInput, manifest, manifestToJson } from './run/manifest';
export { parseOptions, type RunOptions } from './run/options';
export { MINIATURE_FULL, MINIATURE_LORA, PRESETS, type PresetName, type RunConfig } from './run/presets';
export { reproduce } from './run/run';

// Notebooks: what a cell shows, long work that can be interrupted, runs that were made before, exercises.
export { EXERCISES, type MicroBatch, type SampleLengths } from './notebook/cell/exercises';
export { grade, gradeAnswer, type Reference } from './notebook/cell/grade';
export { type ModelRequest, makeModel } from './notebook/cell/make-model';
export { type RateRow, readRateTrials } from './notebook/cell/rate-trials';
export { type RequiredReport, requireReport } from './notebook/cell/require-report';
export { type RequiredRun, requireRun } from './notebook/cell/require-run';
export { show, showHtml, showMarkdown, showTable, type TableOptions } from './notebook/cell/show';
export { showFigure } from './notebook/cell/show-figure';
export { showProgress } from './notebook/cell/show-progress';
export { showFigures, showFindings, showPairs, showReportTable, showTables } from './notebook/cell/show-report';
export { showXray } from './notebook/cell/show-xray';
export { type SweepResult, sweep, type Variant } from './notebook/cell/sweep';
export { interruptSignal } from './notebook/kernel/interrupt';
