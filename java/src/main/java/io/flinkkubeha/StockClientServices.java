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

package io.flinkkubeha;

import org.apache.flink.configuration.Configuration;
import org.apache.flink.runtime.blob.BlobStoreService;
import org.apache.flink.runtime.blob.BlobUtils;
import org.apache.flink.runtime.highavailability.ClientHighAvailabilityServices;
import org.apache.flink.util.FlinkException;

import io.flinkkubeha.bridge.NativeLibraryException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.util.concurrent.Executor;

/**
 * Flink's own Kubernetes services for a client on a machine that no native library fits, such as
 * somebody's laptop. Their factory bears the name of ours, so they are put together by reflection.
 */
final class StockClientServices {

    private static final Logger LOG = LoggerFactory.getLogger(StockClientServices.class);

    private static final String SERVICES =
            "org.apache.flink.kubernetes.highavailability.KubernetesLeaderElectionHaServices";
    private static final String CLIENT = "org.apache.flink.kubernetes.kubeclient.FlinkKubeClient";
    private static final String CLIENT_FACTORY =
            "org.apache.flink.kubernetes.kubeclient.FlinkKubeClientFactory";

    private StockClientServices() {}

    static ClientHighAvailabilityServices create(
            Configuration configuration, NativeLibraryException reason) throws FlinkException {
        LOG.warn(
                "This client finds the cluster through Flink's own Kubernetes services: {}",
                reason.getMessage());
        try {
            // The services close it.
            final BlobStoreService blobStore = BlobUtils.createBlobStoreFromConfig(configuration);
            final Object factory =
                    Class.forName(CLIENT_FACTORY).getMethod("getInstance").invoke(null);
            final Object client =
                    factory.getClass()
                            .getMethod("fromConfiguration", Configuration.class, String.class)
                            .invoke(factory, configuration, "kubernetes-ha-services");
            final Constructor<? extends ClientHighAvailabilityServices> constructor =
                    Class.forName(SERVICES)
                            .asSubclass(ClientHighAvailabilityServices.class)
                            .getDeclaredConstructor(
                                    Class.forName(CLIENT),
                                    Executor.class,
                                    Configuration.class,
                                    BlobStoreService.class);
            constructor.setAccessible(true);
            final Executor inPlace = Runnable::run;
            return constructor.newInstance(client, inPlace, configuration, blobStore);
        } catch (InvocationTargetException e) {
            throw failure(reason, e.getCause());
        } catch (ReflectiveOperationException | IOException | RuntimeException e) {
            throw failure(reason, e);
        }
    }

    private static FlinkException failure(NativeLibraryException reason, Throwable cause) {
        return new FlinkException(
                reason.getMessage()
                        + " Flink's own Kubernetes services cannot take its place either: "
                        + cause,
                cause);
    }
}
