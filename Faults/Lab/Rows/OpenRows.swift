/// Rows of the matrix that nobody plays yet.
extension Row {
    private static let replication = "needs replicas: Stint does not find a new server by itself"

    static let openRows = [
        Row("F22", "clean failover by Sentinel", open: replication),
        Row("F23", "primary killed before it has replicated, no WAIT", open: replication),
        Row("F24", "primary killed, writes confirmed by WAIT", open: replication),
        Row("F25", "split brain: an isolated primary with producers", open: replication),
        Row("F26", "cluster: slots migrate under load", open: "needs Redis Cluster"),
        Row("F27", "cluster: a primary is killed", open: "needs Redis Cluster"),
        Row("F34", "failover to a replica whose clock is 30 s behind", open: replication),
        Row("F40", "hostile names and payloads on the dashboard", open: "needs the dashboard"),
        Row("F41", "cross-site requests to the dashboard", open: "needs the dashboard"),
        Row("F42", "dashboard without credentials, slow and huge requests", open: "needs the dashboard"),
        Row("F45", "hours of random faults", open: "its own command: stint-faults soak"),
        Row("F46", "two versions together", open: "needs a released version to compare with"),
    ]
}
