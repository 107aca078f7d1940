// SPDX-License-Identifier: Apache-2.0
// What supervisors log. Types, ids and reasons; never values. The crash of a child writes its own report (R16).

internal import Logging

enum SupervisorLog {
    private static let logger = Logger(label: "martlet")

    static func restarts(_ spec: ChildSpec, _ reason: ExitReason, by supervisor: Pid) {
        logger.debug("child restarts", metadata: metadata(spec, supervisor, "\(reason)"))
    }

    static func startFailed(_ spec: ChildSpec, _ error: StartError, by supervisor: Pid) {
        logger.error("child could not be restarted", metadata: metadata(spec, supervisor, "\(error)"))
    }

    static func killed(_ spec: ChildSpec, _ pid: Pid, by supervisor: Pid) {
        var metadata = metadata(spec, supervisor, "it did not end within its shutdown time")
        metadata["pid"] = "\(pid)"
        if let activity = pid.status?.activity { metadata["activity"] = "\(activity)" }
        logger.warning("child is killed", metadata: metadata)
    }

    static func givesUp(_ cause: ChildTable.GiveUp, by supervisor: Pid) {
        switch cause {
        case .intensity(let id, let budget):
            logger.error(
                "supervisor gives up",
                metadata: [
                    "supervisor": "\(supervisor)", "child": "\(id)",
                    "reason": "more than \(budget.maxRestarts) restarts within \(budget.within)",
                ])
        case .significant(let id):
            logger.info(
                "supervisor shuts down",
                metadata: ["supervisor": "\(supervisor)", "child": "\(id)", "reason": "a significant child ended"])
        }
    }

    static func stuck(_ report: ShutdownReport) {
        for status in report.stuck {
            logger.error(
                "killed at the deadline",
                metadata: [
                    "pid": "\(status.pid)", "server": "\(status.type)", "activity": "\(status.activity)",
                    "label": "\(status.label ?? "")", "waiting": "\(status.mailboxCount)",
                ])
        }
    }

    private static func metadata(_ spec: ChildSpec, _ supervisor: Pid, _ reason: String) -> Logger.Metadata {
        ["supervisor": "\(supervisor)", "child": "\(spec.id)", "reason": "\(reason)"]
    }
}
