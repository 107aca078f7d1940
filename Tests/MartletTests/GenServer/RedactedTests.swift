// SPDX-License-Identifier: Apache-2.0
// No way into text shows a redacted value.

import Testing

@testable import Martlet

@Suite("Redacted")
struct RedactedTests {
    struct Login {
        let user = "ada"
        let password = Redacted("hunter2")
    }

    @Test("it prints as <redacted>, and gives its value when asked")
    func prints() {
        #expect("\(Redacted("hunter2"))" == "<redacted>")
        #expect(String(reflecting: Redacted("hunter2")) == "<redacted>")
        #expect(Redacted("hunter2").value == "hunter2")
    }

    @Test("no text of a value around it shows it, dump and mirrors included")
    func nested() {
        let login = Login()
        var dumped = ""
        dump(login, to: &dumped)
        dump(Redacted(Login()), to: &dumped)
        let optional: Redacted<String>? = login.password
        let texts = [
            "\(login)", String(reflecting: login), dumped, String(describing: optional), "\([login.password])",
            "\(["key": login.password])",
        ]
        for text in texts { #expect(!text.contains("hunter2")) }
        #expect("\(login)".contains("ada"))
        #expect(Mirror(reflecting: login.password).children.isEmpty)
    }

    @Test("it is equatable and hashable as its value is")
    func equality() {
        #expect(Redacted(1) == Redacted(1))
        #expect(Redacted(1) != Redacted(2))
        #expect(Set([Redacted(1), Redacted(1), Redacted(2)]).count == 2)
    }
}
