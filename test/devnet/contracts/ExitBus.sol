// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

interface IConsensus {
    function consensusReport(uint256 refSlot) external view returns (bytes32);
}

interface IVault {
    function getWithdrawalRequestFee() external view returns (uint256);
    function requestExit(bytes calldata pubkey) external payable;
}

/// Turns reports that the oracle agreed on into one event for each validator to exit.
contract ExitBus {
    event ValidatorExitRequest(
        uint256 indexed stakingModuleId,
        uint256 indexed nodeOperatorId,
        uint256 indexed validatorIndex,
        bytes validatorPubkey,
        uint256 timestamp
    );

    struct ReportData {
        uint256 consensusVersion;
        uint256 refSlot;
        uint256 requestsCount;
        uint256 dataFormat;
        bytes data;
    }

    struct ExitRequestsData {
        bytes data;
        uint256 dataFormat;
    }

    address public immutable getConsensusContract;

    uint256 public constant getContractVersion = 3;
    uint256 public constant getConsensusVersion = 5;

    IVault private immutable vault;
    /// By the hash of data and format: their events were emitted.
    mapping(bytes32 => bool) private isDelivered;

    constructor(address consensus, address withdrawalVault) {
        getConsensusContract = consensus;
        vault = IVault(withdrawalVault);
    }

    /// Has the execution layer exit validators that were requested. Anyone may ask, for the fee.
    function triggerExits(
        ExitRequestsData calldata exitsData,
        uint256[] calldata exitDataIndexes,
        address refundRecipient
    ) external payable {
        require(msg.value > 0 && exitDataIndexes.length > 0, "no fee, or no index");
        bytes32 hash = keccak256(abi.encode(exitsData.data, exitsData.dataFormat));
        require(isDelivered[hash], "data that was not delivered");
        uint256 fee = vault.getWithdrawalRequestFee();
        require(msg.value >= fee * exitDataIndexes.length, "less than the fee");
        uint256 size = exitsData.dataFormat == 1 ? 64 : 72;

        for (uint256 i = 0; i < exitDataIndexes.length; ++i) {
            uint256 end = (exitDataIndexes[i] + 1) * size;
            require(end <= exitsData.data.length, "no such record");
            require(i == 0 || exitDataIndexes[i] > exitDataIndexes[i - 1], "indexes do not ascend");
            vault.requestExit{value: fee}(exitsData.data[end - 48:end]);
        }
        address recipient = refundRecipient == address(0) ? msg.sender : refundRecipient;
        (bool ok, ) = recipient.call{value: msg.value - fee * exitDataIndexes.length}("");
        require(ok, "no refund");
    }

    /// Anyone may bring the data: what counts is that the members voted for its hash.
    function submitReportData(ReportData calldata report, uint256) external {
        bytes32 agreed = IConsensus(getConsensusContract).consensusReport(report.refSlot);
        require(keccak256(abi.encode(report)) == agreed, "not the report agreed on");
        uint256 count = emitRequests(report.data, report.dataFormat);
        require(count == report.requestsCount, "other number of requests");
    }

    /// On the real bus a role guards this; here anyone may call it.
    function submitExitRequestsData(ExitRequestsData calldata request) external {
        emitRequests(request.data, request.dataFormat);
    }

    /// Format 1: moduleId(3) nodeOperatorId(5) validatorIndex(8) pubkey(48).
    /// Format 2: the same with keyIndex(8) before the pubkey.
    function emitRequests(bytes calldata data, uint256 format) private returns (uint256 count) {
        require(format == 1 || format == 2, "unknown data format");
        uint256 pubkeyAt = format == 1 ? 16 : 24;
        uint256 size = pubkeyAt + 48;
        require(data.length % size == 0, "torn record");
        isDelivered[keccak256(abi.encode(data, format))] = true;

        uint256 previous = 0;
        for (uint256 start = 0; start < data.length; start += size) {
            bytes calldata record = data[start:start + size];
            uint256 order = uint256(bytes32(record[:pubkeyAt])) >> (256 - 8 * pubkeyAt);
            require(order > previous, "records do not ascend");
            previous = order;

            uint128 ids = uint128(bytes16(record[:16]));
            emit ValidatorExitRequest(
                ids >> 104,
                uint40(ids >> 64),
                uint64(ids),
                record[pubkeyAt:],
                block.timestamp
            );
            ++count;
        }
    }
}
