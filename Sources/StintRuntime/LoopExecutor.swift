package import NIOCore

/// Runs a node's own tasks on a NIO event loop, which is a thread outside Swift's cooperative pool.
///
/// That pool has as many threads as cores: handlers that block them all would stop every other task, heartbeats first. The
/// loops of a node run here, so that they keep its leases whatever the handlers do.
package final class LoopExecutor: TaskExecutor {
    package let eventLoop: any EventLoop

    package init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    package func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        eventLoop.execute {
            job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }
}
