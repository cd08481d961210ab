// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// Takes requests to the execution layer that a validator exits, for a fee that changes.
contract WithdrawalVault {
    event WithdrawalRequested(bytes pubkey);

    uint256 public getWithdrawalRequestFee = 1;

    function setFee(uint256 fee) external {
        getWithdrawalRequestFee = fee;
    }

    function requestExit(bytes calldata pubkey) external payable {
        require(msg.value == getWithdrawalRequestFee, "not the fee");
        emit WithdrawalRequested(pubkey);
    }
}
