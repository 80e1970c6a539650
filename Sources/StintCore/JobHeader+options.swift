/// The options of a job that has any. Shared by all copies of its header, and never changed.
final class JobOptions: Hashable, Sendable {
    struct Values: Hashable, Sendable {
        var lease: Duration?
        var maxFailures: Int?
        var maxLapses: Int?
        var startBy: Moment?
        var deadline: Moment?
        var estimate: Duration?
        var unique: UniqueSpan?
        var timeout: Duration?
        var codec: String?
        var sealedKey: String?
        var isSensitive = false
        var trace: String?
        var retry: RetryPlan?
        var retryUntil: Moment?
        var keepResult: Duration?
    }

    let values: Values

    /// `nil` = there are none.
    init?(_ values: Values) {
        if values == Values() { return nil }
        self.values = values
    }

    static func == (a: JobOptions, b: JobOptions) -> Bool { a === b || a.values == b.values }

    func hash(into hasher: inout Hasher) { hasher.combine(values) }
}

extension JobHeader {
    private mutating func change(_ body: (inout JobOptions.Values) -> Void) {
        var values = options?.values ?? JobOptions.Values()
        body(&values)
        options = JobOptions(values)
    }

    /// The job's own lease; `nil` = the node's.
    public var lease: Duration? {
        get { options?.values.lease }
        set { change { $0.lease = newValue } }
    }

    /// The failure that reaches this buries the job; `nil` = what its handler's retry policy says.
    public var maxFailures: Int? {
        get { options?.values.maxFailures }
        set { change { $0.maxFailures = newValue } }
    }

    /// The lapse that reaches this buries the job; `nil` = ``Defaults/maxLapses``.
    public var maxLapses: Int? {
        get { options?.values.maxLapses }
        set { change { $0.maxLapses = newValue } }
    }

    /// The job is not started after this, but buried; `nil` = it may wait for ever.
    public var startBy: Moment? {
        get { options?.values.startBy }
        set { change { $0.startBy = newValue } }
    }

    /// By which a queue ordered by deadlines runs it: the earliest first. `nil` = after all that have one. Nothing else.
    public var deadline: Moment? {
        get { options?.values.deadline }
        set { change { $0.deadline = newValue } }
    }

    /// How long the job is thought to take, for a queue that runs the shortest first; `nil` = as is known of its type.
    public var estimate: Duration? {
        get { options?.values.estimate }
        set { change { $0.estimate = newValue } }
    }

    /// Until when the job holds its unique key; `nil` = it has none. The key is not in the header.
    public var unique: UniqueSpan? {
        get { options?.values.unique }
        set { change { $0.unique = newValue } }
    }

    /// How long one run of the job may take; `nil` = what its handler says, else for ever.
    public var timeout: Duration? {
        get { options?.values.timeout }
        set { change { $0.timeout = newValue } }
    }

    /// What the payload was encoded by, in the words of the codec; `nil` = the payload is as it was enqueued.
    package var codec: String? {
        get { options?.values.codec }
        set { change { $0.codec = newValue } }
    }

    /// What stands for the unique key to which the encoded payload is bound in place of the job's id; `nil` = it is bound to the id.
    package var sealedKey: String? {
        get { options?.values.sealedKey }
        set { change { $0.sealedKey = newValue } }
    }

    /// The payload is not shown where nobody asks for it.
    package var isSensitive: Bool {
        get { options?.values.isSensitive ?? false }
        set { change { $0.isSensitive = newValue } }
    }

    /// The trace in which the job was enqueued.
    package var trace: String? {
        get { options?.values.trace }
        set { change { $0.trace = newValue } }
    }

    /// When the job is tried again after a failure; `nil` = what its handler's retry policy says.
    public var retry: RetryPlan? {
        get { options?.values.retry }
        set { change { $0.retry = newValue } }
    }

    /// A retry that would be due after this buries the job instead; `nil` = only the number of failures bounds them.
    public var retryUntil: Moment? {
        get { options?.values.retryUntil }
        set { change { $0.retryUntil = newValue } }
    }

    /// How long the job's result is kept after it is done; `nil` = it has none.
    public var keepResult: Duration? {
        get { options?.values.keepResult }
        set { change { $0.keepResult = newValue } }
    }
}
