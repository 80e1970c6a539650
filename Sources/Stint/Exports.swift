// Who imports Stint has the values that its API speaks of: ids, policies, errors, contexts, reports.
@_exported public import struct StintCore.ConsumerID
@_exported public import enum StintCore.Defaults
@_exported public import struct StintCore.JobID
@_exported public import struct StintCore.JobOutcome
@_exported public import enum StintCore.JobState
@_exported public import struct StintCore.JobType
@_exported public import struct StintCore.QueueName
@_exported public import struct StintCore.RetryPolicy
@_exported public import struct StintCore.StintError
@_exported public import struct StintCore.Token
@_exported public import enum StintCore.UniqueConflict
@_exported public import enum StintCore.UniqueSpan
@_exported public import struct StintRuntime.JobContext
@_exported public import enum StintStore.CancelOutcome
@_exported public import enum StintStore.EnqueueOutcome
@_exported public import struct StintStore.QueueStats
@_exported public import enum StintStore.RedriveOutcome
