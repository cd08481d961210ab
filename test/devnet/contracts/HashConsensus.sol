// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

/// The oracle's vote: a report holds once a quorum of members has submitted its hash.
contract HashConsensus {
    event ReportReceived(uint256 indexed refSlot, address indexed member, bytes32 report);
    event ConsensusReached(uint256 indexed refSlot, bytes32 report, uint256 support);

    uint256 public immutable quorum;
    address[] private members;
    mapping(address => bool) private isMember;
    mapping(address => uint256) private lastReportedRefSlot;
    mapping(uint256 => mapping(bytes32 => uint256)) private support;
    mapping(uint256 => bytes32) public consensusReport;

    constructor(address[] memory members_, uint256 quorum_) {
        members = members_;
        quorum = quorum_;
        for (uint256 i = 0; i < members_.length; ++i) isMember[members_[i]] = true;
    }

    function getMembers() external view returns (address[] memory, uint256[] memory) {
        uint256[] memory refSlots = new uint256[](members.length);
        for (uint256 i = 0; i < members.length; ++i) refSlots[i] = lastReportedRefSlot[members[i]];
        return (members, refSlots);
    }

    function submitReport(uint256 refSlot, bytes32 report, uint256) external {
        require(isMember[msg.sender], "not a member");
        require(lastReportedRefSlot[msg.sender] < refSlot, "voted already");
        lastReportedRefSlot[msg.sender] = refSlot;
        emit ReportReceived(refSlot, msg.sender, report);

        uint256 votes = ++support[refSlot][report];
        if (votes != quorum) return;
        consensusReport[refSlot] = report;
        emit ConsensusReached(refSlot, report, votes);
    }
}
