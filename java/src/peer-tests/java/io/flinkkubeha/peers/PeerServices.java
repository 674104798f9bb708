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

package io.flinkkubeha.peers;

import org.apache.flink.runtime.highavailability.HighAvailabilityServices;
import org.apache.flink.runtime.highavailability.HighAvailabilityServicesUtils;
import org.apache.flink.runtime.leaderelection.LeaderContender;
import org.apache.flink.runtime.leaderelection.LeaderElection;

import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/** HA services as a JobManager gets them, and a dispatcher that may contend for leadership. */
@SuppressWarnings("try") // close() throws Exception, as that of Flink's services does
public final class PeerServices implements AutoCloseable {

    private static final long GRANT_LIMIT_SECONDS = 30;

    private final ExecutorService ioExecutor = Executors.newFixedThreadPool(4);
    private final Contender contender = new Contender();
    private final HighAvailabilityServices services;
    private final LeaderElection election;

    private PeerServices(PeerCluster cluster) throws Exception {
        services =
                HighAvailabilityServicesUtils.createAvailableOrEmbeddedServices(
                        cluster.configuration(),
                        ioExecutor,
                        error -> {
                            throw new AssertionError(error);
                        });
        election = services.getDispatcherLeaderElection();
    }

    /** Of a JobManager that does not contend. */
    public static PeerServices ofFollower(PeerCluster cluster) throws Exception {
        return new PeerServices(cluster);
    }

    /** Of a JobManager that contends, whether or not it gets anything. */
    public static PeerServices ofContender(PeerCluster cluster) throws Exception {
        final PeerServices services = new PeerServices(cluster);
        services.election.startLeaderElection(services.contender);
        return services;
    }

    /** Of a JobManager that has been granted leadership. */
    public static PeerServices ofLeader(PeerCluster cluster) throws Exception {
        final PeerServices services = ofContender(cluster);
        try {
            services.granted().get(GRANT_LIMIT_SECONDS, TimeUnit.SECONDS);
            return services;
        } catch (Throwable t) {
            services.close();
            throw t;
        }
    }

    public HighAvailabilityServices get() {
        return services;
    }

    /** The session id of its first grant. */
    public CompletableFuture<UUID> granted() {
        return contender.granted;
    }

    /** Whether it has been told that its leadership ended. */
    public CompletableFuture<Void> revoked() {
        return contender.revoked;
    }

    /** Makes the address known under which its dispatcher leads. */
    public void publish(String address) throws Exception {
        election.confirmLeadershipAsync(granted().get(), address).get();
    }

    /** Gives the lock back; what is in Kubernetes and in storage stays. */
    @Override
    public void close() throws Exception {
        try {
            election.close();
        } finally {
            services.close();
            ioExecutor.shutdown();
        }
    }

    private static final class Contender implements LeaderContender {

        private final CompletableFuture<UUID> granted = new CompletableFuture<>();
        private final CompletableFuture<Void> revoked = new CompletableFuture<>();

        @Override
        public void grantLeadership(UUID leaderSessionId) {
            granted.complete(leaderSessionId);
        }

        @Override
        public void revokeLeadership() {
            revoked.complete(null);
        }

        @Override
        public void handleError(Exception exception) {
            granted.completeExceptionally(exception);
        }
    }
}
