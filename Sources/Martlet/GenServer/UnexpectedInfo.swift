// SPDX-License-Identifier: Apache-2.0
// What a server without a Message type says about signals it did not ask for: their kind and type, never their values.

internal import Logging

enum _UnexpectedInfo {
    private static let logger = Logger(label: "martlet")

    static func log(_ info: Info<Never>, in server: String) {
        let kind =
            switch info {
            case .timeout: "timeout"
            case .exit: "exit"
            case .down: "down"
            case .unexpected(let value): "message of type \(type(of: value))"
            }
        logger.error(
            "unexpected info",
            metadata: ["server": "\(server)", "pid": "\(Pid.current ?? .none)", "info": "\(kind)"])
    }
}
