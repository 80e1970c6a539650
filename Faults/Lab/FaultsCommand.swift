import ArgumentParser

/// The laboratory: real processes, real signals, and a verdict over what all of them wrote down.
@main
struct FaultsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stint-faults",
        abstract: "Try to lose a job: inject faults into real nodes, producers and servers, and check what came of it.",
        discussion: """
            `stint-faults` runs the whole fault matrix, `stint-faults run F3 F8` these rows, `stint-faults run --ci` the short \
            selection. `stint-faults ls` lists them. Exit status 1 when a promise was broken.
            """,
        subcommands: [Run.self, List.self, Soak.self, Loss.self, NodeRole.self, ProducerRole.self],
        defaultSubcommand: Run.self
    )
}
