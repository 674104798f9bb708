/*
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

package io.flinkkubeha.leader;

import org.apache.flink.runtime.leaderelection.LeaderElectionDriver;
import org.apache.flink.runtime.leaderelection.LeaderElectionException;
import org.apache.flink.runtime.leaderelection.LeaderInformation;

import io.flinkkubeha.bridge.Election;
import io.flinkkubeha.bridge.ErrorCode;
import io.flinkkubeha.bridge.NativeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import javax.annotation.Nullable;

import static org.apache.flink.util.Preconditions.checkNotNull;

/**
 * {@link LeaderElectionDriver} on top of the native election.
 *
 * <p>Flink creates the driver and calls every method but {@link #close()} under the lock that a
 * revoke has to take to get through. So none of them waits for the network: publishing queues, and
 * {@link #hasLeadership()} is a local answer.
 */
public final class NativeLeaderElectionDriver implements LeaderElectionDriver {

    private static final Logger LOG = LoggerFactory.getLogger(NativeLeaderElectionDriver.class);

    private final String configMapName;
    private final Election election;
    private final ElectionCallbacks callbacks;

    NativeLeaderElectionDriver(String configMapName, Election election, Listener listener)
            throws NativeException {
        this.configMapName = checkNotNull(configMapName);
        this.election = checkNotNull(election);
        this.callbacks = new ElectionCallbacks(configMapName, listener, election::revokeHeard);
        election.start(callbacks);
    }

    @Override
    public boolean hasLeadership() {
        final Long grant = callbacks.grant();
        return grant != null && election.hasLeadership(grant);
    }

    @Override
    public void publishLeaderInformation(String componentId, LeaderInformation information) {
        publish(callbacks.grantOf(information.getLeaderSessionID()), componentId, information);
    }

    @Override
    public void deleteLeaderInformation(String componentId) {
        publish(callbacks.grant(), componentId, LeaderInformation.empty());
    }

    private void publish(
            @Nullable Long grant, String componentId, LeaderInformation information) {
        if (grant == null) {
            LOG.debug("{} is not published, the leadership has ended.", componentId);
            return;
        }
        try {
            election.publishLeader(
                    grant, checkNotNull(componentId), LeaderValues.format(information));
        } catch (NativeException e) {
            if (e.code() == ErrorCode.NOT_LEADER || e.code() == ErrorCode.CLOSED) {
                LOG.debug("{} is not published, the leadership has ended.", componentId, e);
                return;
            }
            final Exception failure =
                    new LeaderElectionException(
                            String.format(
                                    "The address of %s cannot be published in ConfigMap %s: %s",
                                    componentId, configMapName, e.getMessage()),
                            e);
            election.callbackExecutor().execute(() -> callbacks.onFailure(failure));
        }
    }

    /**
     * Flink calls this outside its lock, after the last contender is gone. A lock that cannot be
     * released ends with its lease, which is no reason for a shutdown to fail.
     */
    @Override
    public void close() {
        if (callbacks.close()) {
            try {
                election.stop();
            } catch (NativeException e) {
                LOG.warn(
                        "The lock on ConfigMap {} could not be released, so the next leader waits for its lease to end: {}",
                        configMapName,
                        e.getMessage());
            }
        }
    }

    @Override
    public String toString() {
        return getClass().getSimpleName() + "{configMapName='" + configMapName + "'}";
    }
}
