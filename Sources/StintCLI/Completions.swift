import ArgumentParser

struct Completions: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the completion script of a shell.",
        discussion: """
            bash: stint completions bash > ~/.local/share/bash-completion/completions/stint
            zsh:  stint completions zsh > "${fpath[1]}/_stint"
            fish: stint completions fish > ~/.config/fish/completions/stint.fish
            """
    )

    @Argument(help: "bash, zsh or fish.", completion: .list(["bash", "zsh", "fish"]), transform: Self.shell)
    var shell: CompletionShell

    private static func shell(_ name: String) throws -> CompletionShell {
        guard let shell = CompletionShell(rawValue: name) else {
            throw ValidationError("It is one of bash, zsh and fish.")
        }
        return shell
    }

    func run() throws {
        try Console.write(StintCommand.completionScript(for: shell) + "\n")
    }
}
