// SPDX-License-Identifier: Apache-2.0
// Making crash reports: drafted while the process is still as it was, filed when its end is over, so that there is one for
// each end and none for a process that a kill took in between.

internal import Logging
internal import Synchronization

/// A report that waits for the end of its process.
@usableFromInline
final class _CrashDraft {
    fileprivate enum Kind {
        case diverted(_CrashLog.Sink, server: String, Pid)
        case report(CrashReport, isLogged: Bool, suppressed: UInt64)
    }
    fileprivate let kind: Kind
    fileprivate let context: _RuntimeContext
    fileprivate let reason: ExitReason

    fileprivate init(_ kind: Kind, _ reason: ExitReason, _ context: _RuntimeContext) {
        (self.kind, self.reason, self.context) = (kind, reason, context)
    }
}

@usableFromInline
package enum _CrashLog {
    /// Bytes of the state in a report.
    private static let stateMax = 4_096
    /// Bytes of a reason, a name or a message in a report.
    private static let textMax = 300

    /// Who takes the reports of one runtime in place of the log.
    package typealias Sink = @Sendable (_ reason: ExitReason, _ server: String, _ pid: Pid) -> Void
    private static let sinks = _Locked<[ObjectIdentifier: Sink]>([:])
    private static let hasSinks = Atomic(false)

    /// Sends the ends of a runtime's processes to `sink` from now on; they are neither logged nor counted.
    package static func divert(_ runtime: Runtime, to sink: Sink?) {
        sinks.withLock { sinks in
            sinks[ObjectIdentifier(runtime.context)] = sink
            hasSinks.store(!sinks.isEmpty, ordering: .releasing)
        }
    }

    private static func sink(of context: _RuntimeContext) -> Sink? {
        guard hasSinks.load(ordering: .acquiring) else { return nil }
        return sinks.withLock { $0[ObjectIdentifier(context)] }
    }

    /// Drafts the report of an end; nil: there is none to be made.
    ///
    /// The owner of the slice, before its exit begins; inside user code if `state` is of the user.
    ///
    /// - Parameters:
    ///   - error: what was thrown, if anything was.
    ///   - site: where, if the caller knows; by default what this thread recorded.
    ///   - state: the state as its server shows it; called at most once, and only if somebody will see it. Nil: the type's
    ///     name.
    @usableFromInline
    static func draft(
        _ reason: ExitReason, thrown error: (any Error)?, at site: [UInt]? = nil, in slice: _Slice,
        state: (() -> String)?
    ) -> _CrashDraft? {
        guard reason.isAbnormal, let context = slice.context else { return nil }
        if case .killed = reason { return nil }
        let pid = Pid(raw: slice.pid)
        if let sink = sink(of: context), !context.crashes.isHeard {
            return _CrashDraft(.diverted(sink, server: slice.typeName, pid), reason, context)
        }
        let (isLogged, suppressed) = slice.admitCrashReport()
        guard isLogged || context.crashes.isHeard, let status = ProcessStatus(of: pid) else { return nil }
        let client = slice.client
        let addresses = site ?? error.map { _ThrowSite.take($0) } ?? []
        let report = CrashReport(
            process: status, reason: reason, message: slice.messageName?.cut(to: textMax),
            client: client == 0 ? nil : Pid(raw: client), state: (state?() ?? status.type).cut(to: stateMax),
            backtrace: _ThrowSite.describe(addresses))
        return _CrashDraft(.report(report, isLogged: isLogged, suppressed: suppressed), reason, context)
    }

    /// The end is over.
    ///
    /// Any thread, once.
    @usableFromInline
    static func file(_ draft: _CrashDraft?) {
        guard let draft else { return }
        switch draft.kind {
        case .diverted(let sink, let server, let pid): sink(draft.reason, server, pid)
        case .report(let report, let isLogged, let suppressed):
            if draft.context.crashes.isHeard { draft.context.crashes.tell(report) }
            if let sink = sink(of: draft.context) {
                sink(report.reason, report.process.type, report.process.pid)
            } else if isLogged {
                log(report, suppressed, draft.context)
            }
        }
    }

    /// One line, by keys that stay the same.
    private static func log(_ report: CrashReport, _ suppressed: UInt64, _ context: _RuntimeContext) {
        let process = report.process
        var metadata: Logger.Metadata = [
            "process": "\(process.pid)", "server": "\(process.type)", "state": "\(report.state)",
            "reason": "\("\(report.reason)".cut(to: textMax))",
        ]
        if let name = process.name { metadata["name"] = "\(name.cut(to: textMax))" }
        if let label = process.label { metadata["label"] = "\(label)" }
        if let message = report.message { metadata["message"] = "\(message)" }
        if let client = report.client { metadata["client"] = "\(client)" }
        if !process.ancestors.isEmpty { metadata["ancestors"] = .array(process.ancestors.map { "\($0)" }) }
        if !report.backtrace.isEmpty { metadata["backtrace"] = .array(report.backtrace.map { "\($0)" }) }
        if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
        context.logger.log(level: context.crashReportLevel, "process crashed", metadata: metadata)
    }
}
