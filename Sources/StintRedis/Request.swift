internal import NIOCore

/// A command, who waits for its reply, and until when.
struct Request: Expiring {
    enum Waiter {
        case task(UnsafeContinuation<Result<RedisReply, RedisError>, Never>)
        case promise(EventLoopPromise<RedisReply>)
    }

    let command: RedisCommand
    let waiter: Waiter
    let timeout: TimeAmount
    /// To find it again when its task is cancelled; 0 for requests that cannot be.
    let id: UInt64
    /// Set when it reaches the event loop, and again when a blocking command is written.
    var deadline = NIODeadline.distantFuture

    /// Every request is completed exactly once.
    func complete(_ result: Result<RedisReply, RedisError>) {
        switch waiter {
        case .task(let continuation): continuation.resume(returning: result)
        case .promise(let promise): promise.completeWith(result.mapError { $0 as any Error })
        }
    }

    func fail(_ code: RedisError.Code, _ message: String, mayHaveRun: Bool) {
        complete(.failure(RedisError(code, operation: command.operation, message: message, mayHaveRun: mayHaveRun)))
    }

    func fail(like error: RedisError, mayHaveRun: Bool) {
        complete(.failure(error.during(command.operation, mayHaveRun: mayHaveRun)))
    }
}
