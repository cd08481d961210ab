// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// An oracle member that is a contract: its delegate signs, it calls.
contract DelegatedMember {
    address public getDelegate;

    constructor(address delegate) {
        getDelegate = delegate;
    }

    /// On the real contract 48 hours lie between the two.
    function setDelegate(address next) external {
        require(msg.sender == getDelegate, "not the delegate");
        getDelegate = next;
    }

    function execute(address target, bytes calldata data) external {
        require(msg.sender == getDelegate, "not the delegate");
        (bool ok, bytes memory answer) = target.call(data);
        if (ok) return;
        // The target's own reason, so that a failed test says what went wrong.
        assembly {
            revert(add(answer, 32), mload(answer))
        }
    }
}
